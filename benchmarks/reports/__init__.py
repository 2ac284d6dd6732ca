"""What people upload, after public reports about programs like this one: what is asked of each kind of clip, and what comes out."""
