import { useState } from 'react';
import type { ProjectOut } from '../api/schema';
import { Icon, type IconName } from '../components/Icon';
import { pageLink, type Route } from '../data/links';
import { useMay, useSession, useSignOut } from '../data/session';
import { t } from '../texts';
import { GROUPS, PAGE_ICONS } from './pages';
import { applyTheme, storedTheme, THEMES, type Theme } from './theme';

type SidebarProps = { readonly route: Route; readonly project: ProjectOut | null };

export function Sidebar({ route, project }: SidebarProps) {
  const mayAdminister = useMay('administer');
  const mayAudit = useMay('quality');
  const page = route.kind === 'project' ? route.page : null;
  return (
    <header className="sidebar">
      <p className="brand">
        <strong>{t.app.name}</strong> <span>{t.app.studio}</span>
      </p>
      <nav aria-label={t.app.navigation}>
        <ul>
          <NavItem href="#/" icon="home" name={t.app.allProjects} isHere={route.kind === 'home'} />
        </ul>
        {project && <p className="project-name">{project.name}</p>}
        {project &&
          GROUPS.map((group) => (
            <div key={group.name} className="nav-group">
              <h2 id={`nav-${group.name}`}>{t.groups[group.name]}</h2>
              <ul aria-labelledby={`nav-${group.name}`}>
                {group.pages.map((name) => (
                  <NavItem
                    key={name}
                    href={pageLink(project.id, name)}
                    icon={PAGE_ICONS[name]}
                    name={t.nav[name]}
                    isHere={name === page}
                  />
                ))}
              </ul>
            </div>
          ))}
        {(mayAdminister || mayAudit) && (
          <div className="nav-group">
            <h2 id="nav-system">{t.groups.system}</h2>
            <ul aria-labelledby="nav-system">
              <NavItem
                href="#/administration"
                icon="administration"
                name={t.nav.administration}
                isHere={route.kind === 'administration'}
              />
            </ul>
          </div>
        )}
      </nav>
      <ThemeSwitch />
      <Person />
    </header>
  );
}

type NavItemProps = {
  readonly href: string;
  readonly icon: IconName;
  readonly name: string;
  readonly isHere: boolean;
};

function NavItem({ href, icon, name, isHere }: NavItemProps) {
  return (
    <li>
      <a href={href} title={name} aria-current={isHere ? 'page' : undefined}>
        <Icon name={icon} />
        <span>{name}</span>
      </a>
    </li>
  );
}

function Person() {
  const { data: me } = useSession();
  const signOut = useSignOut();
  if (!me) return null;
  return (
    <div className="person">
      <p>
        <strong>{me.name}</strong> <span>{t.session.roles[me.role]}</span>
      </p>
      <button type="button" title={t.session.signOut} onClick={() => signOut.mutate()}>
        <Icon name="leave" />
        <span>{t.session.signOut}</span>
      </button>
    </div>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  return (
    <label className="theme-switch">
      <span>{t.app.theme.label}</span>
      <select
        value={theme}
        onChange={(event) => {
          const next = event.target.value as Theme;
          setTheme(next);
          applyTheme(next);
        }}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {t.app.theme[name]}
          </option>
        ))}
      </select>
    </label>
  );
}
