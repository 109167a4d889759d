"""A web application that answers its users from a portal; see `app`."""
