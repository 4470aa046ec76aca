/** What people said to the proposals of the check. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { api, unwrap } from '../api/client';
import type { ImageOut } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';

export type Decision = 'leave_out' | 'keep' | null;

/** What is known of an image that is shown somewhere, without asking. */
export function useKnownImage(): (imageId: string) => ImageOut | undefined {
  const { id } = useProject();
  const client = useQueryClient();
  return useCallback(
    (imageId) => client.getQueryData<ImageOut>(keyOf(id, 'image', imageId)),
    [client, id],
  );
}

export function useDecide() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { image_ids: string[]; decision: Decision; why: string }) =>
      unwrap(
        api.PUT('/api/v1/projects/{project_id}/decisions', {
          params: { path: { project_id: id } },
          body,
        }),
      ),
    onSuccess: (images) => {
      for (const image of images) client.setQueryData(keyOf(id, 'image', image.id), image);
      for (const what of ['images', 'summary'])
        void client.invalidateQueries({ queryKey: keyOf(id, what) });
    },
  });
}
