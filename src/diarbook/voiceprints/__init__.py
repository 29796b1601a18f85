"""Voices that are kept: enrolment, storage, verification, identification.

Chapter: voiceprints
"""
