"""What earlier runs tell: the store of results, and what is concluded from them."""
