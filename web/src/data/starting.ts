/** Work that starts from what is labelled now: version, template and job in one step. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { JobIn, JobOut, VersionOut } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';
import { latestTemplate } from './templates';

const DRAWN_SEED = 0; // draws the split of images that name none

/** Freeze what is labelled now; equal content is the version that is there already. */
export function freezeVersion(projectId: string): Promise<VersionOut> {
  return unwrap(
    api.POST('/api/v1/projects/{project_id}/versions', {
      params: { path: { project_id: projectId } },
      body: { note: '', seed: DRAWN_SEED },
    }),
  );
}

export function useFreeze() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => freezeVersion(id),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id) }),
  });
}

type Start = {
  readonly kind: 'fit' | 'check';
  /** Null = freeze what is labelled now. */
  readonly versionId: string | null;
  readonly settings?: JobIn['settings'];
};

export function useStart() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ kind, versionId, settings = {} }: Start): Promise<JobOut> => {
      const version_id = versionId ?? (await freezeVersion(id)).id;
      const template_id = (await latestTemplate(id))?.id ?? null;
      return unwrap(
        api.POST('/api/v1/projects/{project_id}/jobs', {
          params: { path: { project_id: id } },
          body: { kind, version_id, template_id, settings },
        }),
      );
    },
    onSettled: () => {
      for (const what of ['jobs', 'versions', 'summary'])
        void client.invalidateQueries({ queryKey: keyOf(id, what) });
    },
  });
}
