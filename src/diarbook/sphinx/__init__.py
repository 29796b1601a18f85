"""The book as Sphinx builds it: directives that show what ``diarbook.knowledge`` holds, and repeatable builds."""
