"""All figures that the README quotes: `python -m benchmarks`."""

import sys

from benchmarks import artwork, extractor

if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    # In this order: what the extractor's benchmark leaves in memory would count against the artworks.
    artwork.main()
    extractor.main()
