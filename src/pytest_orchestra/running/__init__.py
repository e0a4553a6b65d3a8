"""The rim: the only place that imports pytest, xdist and execnet."""
