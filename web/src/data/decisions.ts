/** Images by id, and what people said to the proposals of the check. */

import { useMutation, useQueries, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, unwrap } from '../api/client';
import type { ImageOut } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';

export type Decision = 'leave_out' | 'keep' | null;

/** Those that are known by now; one that is gone is left out. */
export function useImagesById(ids: readonly string[]): ReadonlyMap<string, ImageOut> {
  const { id: projectId } = useProject();
  const found = useQueries({
    queries: ids.map((imageId) => ({
      queryKey: keyOf(projectId, 'image', imageId),
      queryFn: () =>
        unwrap(
          api.GET('/api/v1/projects/{project_id}/images/{image_id}', {
            params: { path: { project_id: projectId, image_id: imageId } },
          }),
        ),
    })),
    combine: (results) => results.map((result) => result.data),
  });
  return useMemo(
    () => new Map(found.flatMap((image) => (image ? [[image.id, image] as const] : []))),
    [found],
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
