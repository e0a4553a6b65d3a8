"""Which tests are flaky, and how sure that is: pure decisions over recorded attempts."""
