import type { ReactNode } from 'react';

type PageHeaderProps = {
  readonly title: string;
  /** Beside the title, muted. */
  readonly about?: ReactNode;
  readonly children?: ReactNode;
};

/** Title of a page and, at its right, what can be done there. */
export function PageHeader({ title, about, children }: PageHeaderProps) {
  return (
    <header className="page-header">
      <h1>{title}</h1>
      {about && <p className="page-about">{about}</p>}
      {children && <div className="page-actions">{children}</div>}
    </header>
  );
}
