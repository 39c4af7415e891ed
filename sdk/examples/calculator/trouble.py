"""What a calculation can run into."""


class CalculatorError(ValueError):
    """Something cannot be calculated; the text is a sentence for whoever asked."""
