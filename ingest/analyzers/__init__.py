"""Who gives an article its scores: the local analyzer, or an endpoint that speaks OpenAI's chat completions.

Page, Rules ──▶ Analyzer.analyse ──▶ Analysis: what the page says, its scores, who gave them

protocol.py   what an analyzer is, and what it is given and gives
local.py      the default: a child process, no key, no network
openai.py     asks an endpoint about what the local one has read; where it does not answer, the local scores stand
answers.py    what an endpoint said, taken for no more than a suggestion
breaker.py    when not to ask
settings.py   which one the settings name
"""

from .protocol import Analysis, Analyzer
from .settings import configured_analyzer

__all__ = ["Analysis", "Analyzer", "configured_analyzer"]
