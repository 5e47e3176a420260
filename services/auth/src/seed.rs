//! Accounts that a demonstration begins with.

use anyhow::Context;
use sqlx::PgPool;

use crate::{
    domain::{
        email::Email,
        password::{COST, Password},
    },
    store::users,
};

/// Cost of demo fans' hashes: a crowd that logs in shall not spend the machine on bcrypt.
const DEMO_COST: u32 = 4;
/// Name of the administrator, as the contract's seed has it.
const ADMIN_NAME: &str = "관리자";

/// Makes the administrator; returns false where the e-mail has an account, which stays
/// what it is.
pub async fn admin(pool: &PgPool, email: &str, password: &str) -> anyhow::Result<bool> {
    let email = Email::parse(email).context("not an e-mail address")?;
    let hash = hash(password, COST).await?;
    Ok(users::insert_admin(pool, email.as_str(), ADMIN_NAME, &hash).await?)
}

/// Makes `count` fans, `fan000001@demo.urr.invalid` and so on, all with one password;
/// returns how many did not exist yet.
pub async fn demo_fans(pool: &PgPool, count: u32, password: &str) -> anyhow::Result<u64> {
    let count = i32::try_from(count).context("too many fans")?;
    let hash = hash(password, DEMO_COST).await?;
    Ok(users::insert_demo_fans(pool, count, &hash).await?)
}

async fn hash(password: &str, cost: u32) -> anyhow::Result<String> {
    let password = Password::new(password.to_owned())
        .map_err(|error| anyhow::anyhow!("the password cannot be used: {error:?}"))?;
    let hash = tokio::task::spawn_blocking(move || bcrypt::hash(password.expose(), cost)).await??;
    Ok(hash)
}
