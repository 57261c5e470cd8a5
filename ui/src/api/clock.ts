// What time it is at the server. Ages and countdowns are drawn with it: a laptop whose clock is wrong shows no negative age.
let offset = 0;
let bestRoundTrip = Number.POSITIVE_INFINITY;

/** Epoch milliseconds as the server counts them. */
export function now(): number {
  return Date.now() + offset;
}

/**
 * Learns from an answer that says what time it is at the server. Of several the one with the shortest round trip counts:
 * its middle is closest to the moment in which the server looked.
 */
export function learnServerTime(serverTime: number, askedAt: number, answeredAt: number): void {
  const roundTrip = Math.max(0, answeredAt - askedAt);
  // Clocks drift and laptops sleep: an old measurement does not win for ever.
  if (roundTrip > bestRoundTrip * 2 && Math.abs(serverTime - now()) < 1000) return;
  bestRoundTrip = Math.max(roundTrip, 1);
  const measured = serverTime - (askedAt + answeredAt) / 2;
  // Below the resolution of a measurement a correction would only make ages jump.
  offset = Math.abs(measured) < 250 ? 0 : measured;
}
