from tests.graders.conftest import cards, registry

__all__ = ["cards", "registry"]
