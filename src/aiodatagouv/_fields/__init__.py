"""Fields wanted of an answer: masks, and classes that declare them."""
