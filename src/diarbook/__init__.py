"""Reference code of *Who Spoke When*: one module a stage, each taught by the chapter of the same name."""

__version__ = "0.1.0"
