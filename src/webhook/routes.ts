import { convertReview } from '../api/conversion/review.ts';
import { extentOf, parseAt } from '../api/conversion/scan.ts';
import { type Review, readReview } from './admission.ts';
import { type BindingCollaborators, reviewBound } from './binding/handler.ts';
import { Budget, type Hold } from './budget.ts';
import { reviewExec } from './exec/handler.ts';
import { RequestError } from './http.ts';
import {
  CONVERSION_LIMIT,
  costOfConversion,
  costOfReview,
  LARGEST_REVIEW,
  MEMORY,
  PATIENCE,
  REVIEW_LIMIT,
} from './memory.ts';
import { type RecordingCollaborators, type RecordingSettings, reviewPod } from './recording/handler.ts';
import type { Route } from './server.ts';

/** `/convert`: needs nothing but the request, and so works before anything else does. */
export function convertRoute(): Route {
  return {
    limit: CONVERSION_LIMIT,
    budget: new Budget(MEMORY.conversions, PATIENCE.conversions),
    answer: async (body, hold) => {
      const answer = readable(() => convertReview(body));
      if (answer === undefined) throw new RequestError(400, 'this is no ConversionReview of apiextensions.k8s.io/v1');
      await hold.take(costOfConversion(body.length));
      return answer;
    },
  };
}

type AnswerTo = (review: Review) => Promise<object | undefined>;

/** Reviews of pods: the API server takes no object of more than three megabytes, and shows two of them. */
function podRoutes<Path extends string>(answers: Readonly<Record<Path, AnswerTo>>): Readonly<Record<Path, Route>> {
  const budget = new Budget(MEMORY.reviews, PATIENCE.reviews);
  const route = ([path, answerTo]: [string, AnswerTo]) => [path, podRoute(budget, answerTo)];
  return Object.fromEntries(Object.entries<AnswerTo>(answers).map(route));
}

function podRoute(budget: Budget, answerTo: AnswerTo): Route {
  return {
    limit: REVIEW_LIMIT,
    budget,
    answer: async (body, hold) => {
      const review = readReview(await parsed(body, hold));
      if (review === undefined) throw new RequestError(400, 'this is no AdmissionReview of v1 or v1beta1');
      const answer = await answerTo(review);
      if (answer === undefined) throw new RequestError(400, 'there is no pod, and no command, in the review');
      return JSON.stringify(answer);
    },
  };
}

/** @throws RequestError 400 where it is no JSON or nested too deep, 413 where it has too many values, 503 as the hold does. */
async function parsed(body: Uint8Array, hold: Hold): Promise<unknown> {
  const extent = readable(() => extentOf(body, 0));
  if (extent.values > LARGEST_REVIEW.values)
    throw new RequestError(413, `the review has more than ${LARGEST_REVIEW.values} values`);
  if (extent.depth > LARGEST_REVIEW.depth)
    throw new RequestError(400, `the review is nested more than ${LARGEST_REVIEW.depth} deep`);
  await hold.take(costOfReview(body.length, extent.values));
  return readable(() => parseAt(body, { start: 0, end: body.length }, JSON.parse));
}

/** SPO's paths: configurations made for it reach us. */
export function webhookRoutes(
  { recording, binding }: { readonly recording: RecordingCollaborators; readonly binding: BindingCollaborators },
  settings?: RecordingSettings,
) {
  return {
    '/convert': convertRoute(),
    ...podRoutes({
      '/mutate-v1-pod-recording': (review) => reviewPod(review, recording, settings),
      '/mutate-v1-pod-binding': (review) => reviewBound(review, binding),
      '/mutate-v1-exec-metadata': async (review) => reviewExec(review),
    }),
  };
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new RequestError(400, 'the request is no JSON', cause);
    if (cause instanceof TypeError) throw new RequestError(400, 'the request is no UTF-8', cause);
    throw cause;
  }
}
