"""What somebody tries who has read the source: each file is one aim, each test one try, and none may succeed."""
