"""Several records of runs become one: pure, but for what reads the files of others."""
