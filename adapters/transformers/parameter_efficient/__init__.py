"""Adapters by PEFT: small trained weights beside a frozen parent."""
