"""CustomResourceDefinitions of the operators the program uses: where they come from, and what they allow."""
