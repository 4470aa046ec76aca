/** A new token with which a machine acts in the open project; the others are in `people`. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { TokenIn } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';

export type NewToken = Required<TokenIn>;

/** Its text is in the answer, this once. */
export function useMakeToken() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (wanted: NewToken) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/tokens', {
          params: { path: { project_id: id } },
          body: wanted,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id, 'tokens') }),
  });
}
