/** Who sits before the screen, and what they may do; the server decides all the same. */
import { ApiError, get, post, remove } from "../api/client";

interface User {
  name: string;
  title: string;
  roles: string[];
  watch_areas: string[];
  password_change_required: boolean;
}

interface Me {
  user: User;
  methods: string[];
}

let me: Me | undefined;

/** "in" also where the server lets everybody of its machine in. */
export type Door = "in" | "out" | "password";

/** Ask the server; whoever it does not answer is taken as let in, and the pages tell what is wrong. */
export async function enter(): Promise<Door> {
  try {
    me = await get<Me>("/v1/me");
  } catch (error) {
    return ApiError.from(error).status === 401 ? "out" : "in";
  }
  return me.user.password_change_required ? "password" : "in";
}

/** Name of the one who signed in; empty where nobody has to. */
export const userName = (): string => me?.user.title || (me?.user.name ?? "").replace("users/", "");

/** The roles, without those that only say that somebody is known. */
export const roles = (): string[] => (me?.user.roles ?? []).filter((role) => role !== "ROLE_SIGNED_IN");

/** May they call a method, by the end of its name? Example: "MediaService/SubmitArticle". */
export const may = (method: string): boolean => !me || me.methods.some((one) => one.endsWith(`.${method}`));

/** The ways to sign in: with a password, and the title of an identity provider, empty where there is none. */
export interface Ways {
  local: boolean;
  provider: string;
}

export const ways = (): Promise<Ways> => get<Ways>("/v1/session");

export const signIn = (name: string, password: string): Promise<User> => post<User>("/v1/session", { name, password });

/** Sign out; where the browser goes on to, to sign out at the provider too, else empty. */
export const signOut = async (): Promise<string> => (await remove<{ next?: string }>("/v1/session")).next ?? "";

/** Set a new password and sign in with it: the old session ends with the old password. */
export async function changePassword(old: string, fresh: string): Promise<void> {
  const name = (me?.user.name ?? "").replace("users/", "");
  await post("/v1/me:changePassword", { old_password: old, new_password: fresh });
  await signIn(name, fresh);
}
