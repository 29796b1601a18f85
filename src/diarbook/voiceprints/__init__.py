"""Voices that are kept: enrollment, storage, verification, identification.

Chapter: voiceprints
"""
