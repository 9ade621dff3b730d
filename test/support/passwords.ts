/** A password, and a hash of it that takes 3 ms: the cheapest that is allowed. */
export const CHEAP_PASSWORD = "open sesame";
export const CHEAP_HASH =
  "$scrypt$ln=10,r=8,p=1$bGF0Y2hrZXkgaW4gdGVzdA$+6VcvR1ZKR4yjXrZLBr1tkG63n45Uhwx57LeWlkx8TA";
