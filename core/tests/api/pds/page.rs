//! The page of real exchanges, `core/API-pds.md`: what is printed there is what happens here.
