import { convertReview } from '../api/conversion/review.ts';
import { parseExactly } from '../api/conversion/wire.ts';
import { type Review, readReview } from './admission.ts';
import { type BindingCollaborators, reviewBound } from './bindings/handler.ts';
import { reviewExec } from './exec/handler.ts';
import { RequestError } from './http.ts';
import { type RecordingCollaborators, type RecordingSettings, reviewPod } from './pods/handler.ts';
import type { Route } from './server.ts';

/** `/convert`: needs nothing but the request, and so works before anything else does. A list comes as one request. */
export const CONVERT_ROUTE: Route = {
  limit: 128 * 2 ** 20,
  answer: async (body) => {
    const answer = convertReview(json(body, parseExactly));
    if (answer === undefined) throw new RequestError(400, 'this is no ConversionReview of apiextensions.k8s.io/v1');
    return JSON.stringify(answer);
  },
};

/** A review of a pod: the API server takes no object of more than three megabytes, and shows two of them. */
function podRoute(answerTo: (review: Review) => Promise<object | undefined>): Route {
  return {
    limit: 8 * 2 ** 20,
    answer: async (body) => {
      const review = readReview(json(body, JSON.parse));
      if (review === undefined) throw new RequestError(400, 'this is no AdmissionReview of v1 or v1beta1');
      const answer = await answerTo(review);
      if (answer === undefined) throw new RequestError(400, 'there is no pod in the review');
      return JSON.stringify(answer);
    },
  };
}

/** SPO's paths: configurations made for it reach us. */
export function webhookRoutes(
  { recording, binding }: { readonly recording: RecordingCollaborators; readonly binding: BindingCollaborators },
  settings?: RecordingSettings,
) {
  return {
    '/convert': CONVERT_ROUTE,
    '/mutate-v1-pod-recording': podRoute((review) => reviewPod(review, recording, settings)),
    '/mutate-v1-pod-binding': podRoute((review) => reviewBound(review, binding)),
    '/mutate-v1-exec-metadata': podRoute(async (review) => reviewExec(review)),
  };
}

function json(body: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(body);
  } catch (cause) {
    throw new RequestError(400, 'the request is no JSON', cause);
  }
}
