"""Performers: their folders, footage, mattes; built from a video, exported, imported."""
