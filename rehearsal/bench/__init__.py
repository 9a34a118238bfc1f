"""What the rehearsal costs, measured in one run: `python -m rehearsal.bench`."""
