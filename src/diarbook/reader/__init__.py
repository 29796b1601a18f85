"""What a reader looks at and hears: figures, tables, source, players, interactive elements, claims.

Chapter: start
"""
