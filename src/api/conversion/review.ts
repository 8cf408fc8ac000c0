import { convert } from './convert.ts';
import { at, type Json } from './json.ts';

/** What the API server is told where it asked for nothing that makes sense. */
const failed = (message: string) => ({ status: 'Failed', message });

/**
 * Answers a ConversionReview of apiextensions.k8s.io/v1. Each object is converted by itself: a list is not lost for one
 * of its objects.
 * @returns undefined where it is no such review.
 */
export function convertReview(review: Json): object | undefined {
  const uid = at(review, ['request', 'uid']);
  const objects = at(review, ['request', 'objects']);
  const desired = at(review, ['request', 'desiredAPIVersion']);
  if (at(review, ['kind']) !== 'ConversionReview' || typeof uid !== 'string' || !Array.isArray(objects))
    return undefined;
  const response =
    typeof desired === 'string'
      ? { uid, convertedObjects: objects.map((object) => convert(object, desired)), result: { status: 'Success' } }
      : { uid, convertedObjects: [], result: failed('the review names no desiredAPIVersion') };
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response };
}
