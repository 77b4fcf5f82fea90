"""What the rows of every format share: drafts, labels, names of splits, folders of classes."""
