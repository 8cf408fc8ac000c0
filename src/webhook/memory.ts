import { LARGEST_OBJECT } from '../api/conversion/review.ts';

const MIB = 2 ** 20;

/**
 * What fits into the memory limit of the Deployment, in bytes. docs/security-model.md has the measurements; a test adds it
 * all up and compares it with the manifest.
 */
export const MEMORY = {
  /** Heap and all else of a replica that answers nothing, with its caches. */
  idle: { heap: 32 * MIB, other: 72 * MIB },
  /** One that is open, in the middle of its handshake or of a request: TLS, parser, what was received and not read. */
  connection: MIB / 4,
  /** All reviews that are under way, as text and parsed. It is in the heap. */
  reviews: 64 * MIB,
  /** All bodies of `/convert`, and the text of one object each that is written. It is not in the heap. */
  conversions: 48 * MIB,
  /** The one object that is being converted, and what it leaves behind until it is collected. It is in the heap. */
  conversion: 48 * MIB,
} as const;

/** Milliseconds that a request waits for memory. The API server gives a review of a pod three seconds, a conversion thirty. */
export const PATIENCE = { reviews: 2000, conversions: 10_000 } as const;

/** API servers open one for each request that is under way. */
export const MOST_CONNECTIONS = 256;

/** Of an admission review: object and old object are of 3 MiB at most. */
export const REVIEW_LIMIT = 8 * MIB;
/** A list comes as one request: 5,000 profiles of 120 calls have 15 MiB. */
export const CONVERSION_LIMIT = 32 * MIB;

/** What a review may be besides its size: pods with a thousand containers have 50,000 values. */
export const LARGEST_REVIEW = { values: 100_000, depth: LARGEST_OBJECT.depth } as const;

/** Text, strings that are parsed from it, and the patch; and of each value what an object of its own needs. */
export function costOfReview(bytes: number, values: number): number {
  return 4 * bytes + 100 * values;
}

/** An object that was converted, until the client has taken it: as text and as bytes. */
export function costOfConversion(bytes: number): number {
  return 3 * Math.min(bytes, LARGEST_OBJECT.bytes);
}
