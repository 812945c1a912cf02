"""All figures that the README quotes: `python -m benchmarks`."""

import sys

from benchmarks import artwork, extractor

if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    extractor.main()
    artwork.main()
