/** The cache of what the server said, and how keys are made. */

import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/client';

export const SESSION_KEY = ['session'] as const;
/** True while the server no longer knows the session that this page still shows. */
export const ENDED_KEY = ['session-ended'] as const;

/** Everything of a project lies under this key, so that a change can refresh all of it. */
export const keyOf = (projectId: string, ...more: readonly unknown[]) =>
  ['project', projectId, ...more] as const;

export function makeQueryClient(): QueryClient {
  // A wrong password is a 401 too, of another code.
  const onError = (error: Error) => {
    if (error instanceof ApiError && error.code === 'sign_in') client.setQueryData(ENDED_KEY, true);
  };
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      // A machine without any network reaches a server of its own all the same.
      mutations: { networkMode: 'always' },
      queries: {
        networkMode: 'always',
        staleTime: 5_000,
        retry: (count, error) =>
          count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      },
    },
  });
  return client;
}
