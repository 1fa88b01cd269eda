"""How people without a mouse, or without JavaScript, use a page: in words that name what they mean to press."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page

FAR = 150  # presses of Tab: more than any page of ours has stops


@dataclass
class Hand:
    """Somebody with a pointer."""

    page: Page

    def press(self, name: str) -> None:
        """Press the button or follow the link of exactly this accessible name: the first of them on the page."""
        role = self.page.get_by_role
        self._press(role("button", name=name, exact=True).or_(role("link", name=name, exact=True)).first)

    def unfold(self, name: str) -> None:
        """Open what is folded up behind a line of this name."""
        self._press(self.page.locator(f"summary[aria-label='{name}']"))

    def fill(self, label: str, text: str) -> None:
        """Write into the field with this label."""
        self.page.get_by_label(label).first.fill(text)

    def tick(self, name: str) -> None:
        """Tick or untick a box."""
        self.page.get_by_role("checkbox", name=name).first.click()

    def choose(self, name: str, option: str) -> None:
        """Choose from a list."""
        self.page.get_by_role("combobox", name=name).select_option(label=option)

    def _press(self, element: Locator) -> None:
        element.click()


class Keys(Hand):
    """Somebody with a keyboard alone: gets to everything by Tab, from wherever focus is."""

    def fill(self, label: str, text: str) -> None:
        """Write into the field with this label."""
        self._reach(self.page.get_by_label(label).first)
        self.page.keyboard.type(text)

    def tick(self, name: str) -> None:
        """Tick or untick a box."""
        self._reach(self.page.get_by_role("checkbox", name=name).first)
        self.page.keyboard.press("Space")

    def choose(self, name: str, option: str) -> None:
        """Choose from a list, by its first letters."""
        self._reach(self.page.get_by_role("combobox", name=name))
        self.page.keyboard.type(option)

    def _press(self, element: Locator) -> None:
        self._reach(element)
        self.page.keyboard.press("Enter")

    def _reach(self, element: Locator) -> None:
        element.wait_for()
        for _ in range(FAR):
            if element.evaluate("(element) => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{FAR} presses of Tab do not lead to {element}")
