"""The measures of `make bench`: each module measures one thing, and gives its rows of the table."""
