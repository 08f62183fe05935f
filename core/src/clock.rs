//! Time and chance, real or fixed. The one file that reads either.
