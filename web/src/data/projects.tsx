/** Projects, and the one that is open. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { api, unwrap } from '../api/client';
import type { ProjectChange, ProjectOut } from '../api/schema';

const PROJECTS_KEY = ['projects'] as const;
const OpenProject = createContext<ProjectOut | null>(null);

export const ProjectProvider = OpenProject.Provider;

/** The open project; only below a page of a project. */
export function useProject(): ProjectOut {
  const project = useContext(OpenProject);
  if (!project) throw new Error('no project is open');
  return project;
}

export function useProjects() {
  return useQuery({
    queryKey: PROJECTS_KEY,
    queryFn: () => unwrap(api.GET('/api/v1/projects')),
  });
}

export function useCreateProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => unwrap(api.POST('/api/v1/projects', { body: { name } })),
    onSuccess: () => client.invalidateQueries({ queryKey: PROJECTS_KEY }),
  });
}

/** Rename, archive, or say what is asked of the inspection; what is left out stays. */
export function useChangeProject(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: ProjectChange) =>
      unwrap(
        api.PATCH('/api/v1/projects/{project_id}', {
          params: { path: { project_id: projectId } },
          body,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: PROJECTS_KEY }),
  });
}

/** Refresh everything known of the open project. */
export function useRefresh(): (...what: readonly unknown[]) => Promise<void> {
  const client = useQueryClient();
  const { id } = useProject();
  return (...what) => client.invalidateQueries({ queryKey: ['project', id, ...what] });
}
