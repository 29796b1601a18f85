"""Networks, written to be read: from frames to a vector, or to who talks. torch lives here.

Chapter: embeddings
"""
