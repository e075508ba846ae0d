"""Languages of the screens: message ids are English, translations are gettext catalogues."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LOCALES = Path(__file__).parent / "locale"
DEFAULT = "zh"


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the screens: ``tag`` is what HTML's ``lang`` says, ``name`` its own name."""

    code: str
    tag: str
    name: str
    translations: NullTranslations

    def gettext(self, message: str) -> str:
        """Give the message in this language; without a translation, itself."""
        return self.translations.gettext(message)

    def pick(self, zh: str | None, en: str | None) -> str:
        """Choose between the two words a thing of the registry has; either may be missing."""
        first, second = (zh, en) if self.code == DEFAULT else (en, zh)
        return first or second or ""


def load_languages() -> Mapping[str, Language]:
    """Read the catalogues, once at start; they are small and need no compiled twin."""
    chinese = LOCALES / "zh" / "messages.po"
    with chinese.open("rb") as file:
        catalog = read_po(file, locale="zh")
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return {
        "zh": Language("zh", "zh-CN", "中文", Translations(compiled)),
        "en": Language("en", "en", "English", NullTranslations()),
    }
