"""Whole systems: the only package that knows all stages.

Chapter: start
"""
