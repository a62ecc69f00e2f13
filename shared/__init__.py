"""The domain of Offer Cancel: everything but the triggers, which only decode and map."""
