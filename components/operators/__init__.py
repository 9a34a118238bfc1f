"""Third-party operators, each a Helm release with values typed here; `Operators` installs them in order."""

from components.operators.operators import Operators, OperatorsArgs

__all__ = ["Operators", "OperatorsArgs"]
