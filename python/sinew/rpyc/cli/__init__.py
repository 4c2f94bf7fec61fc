"""The programs that come with the package."""
