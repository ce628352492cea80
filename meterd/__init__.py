"""meterd reads utility meters and hands their values on without losing one."""

__version__ = "0.1.0"
