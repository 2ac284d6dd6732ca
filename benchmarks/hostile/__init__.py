"""Files that were made to do harm, what each entrance does with them, and how that is measured."""
