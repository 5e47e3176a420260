//! What should hold of a sale at a given time. No IO; the time is an argument.
