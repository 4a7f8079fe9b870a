"""Models that can be had: the Hugging Face Hub, its cache here, and what a model is made of."""
