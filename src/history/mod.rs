//! The only SQL. (Being filled: the signatures stand.)
