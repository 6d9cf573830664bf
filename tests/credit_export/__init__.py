"""From what was watched to what the exam may rely on."""
