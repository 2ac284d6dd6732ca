"""What people upload, after public reports: what is asked of each kind of clip, and what comes out."""
