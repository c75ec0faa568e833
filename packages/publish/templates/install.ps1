# Installs @name@ on Windows without administrator rights; -Help says more. Made by Sarma.
# PowerShell reads a script as a whole before it does anything: one that arrives in part does nothing.
param(
  [string]$Version = $env:@variable@_VERSION,
  [string]$Dir = $env:@variable@_BIN_DIR,
  [switch]$ModifyPath,
  [switch]$RequireSignature,
  [switch]$Insecure,
  [switch]$Uninstall,
  [switch]$Help
)

# In a scope of its own: `irm ... | iex` runs it in the user's session, which `exit` would close.
& {
  # Whatever the user's session has set.
  Set-StrictMode -Off
  $ErrorActionPreference = 'Stop'
  $PSNativeCommandUseErrorActionPreference = $false
  # The progress bar of Windows' own PowerShell makes downloads slow.
  $ProgressPreference = 'SilentlyContinue'

  $name = @name@
  $programs = @programs@
  # The folder of a version, and what leads to the newest one.
  $versions = @versions@
  $latest = @latest@
  # Public keys of minisign; none: versions are not signed.
  $keys = @keys@
  $service = @service@
  $updates = @updates@

  $usage = @"
usage: install.ps1 [-Version V] [-Dir DIR] [-ModifyPath] [-RequireSignature | -Insecure]
       install.ps1 -Uninstall [-Dir DIR]
  -Version V         this version instead of the newest (@variable@_VERSION)
  -Dir DIR           where to: %LOCALAPPDATA%\Programs\@name@, if not said otherwise (@variable@_BIN_DIR)
  -ModifyPath        add DIR to the user's PATH
  -RequireSignature  install nothing where there is no minisign to check the signature
  -Insecure          install also where nobody can tell who has answered (plain http), and no signature can be checked
  -Uninstall         remove the executable, its previous version and what it unpacked
"@

  # False where there is nothing (404); throws where it cannot be had.
  function Receive-File($Address, $File) {
    $options = @{ Uri = $Address; OutFile = $File; UseBasicParsing = $true }
    # Windows' own PowerShell does not look at the variable.
    if ($PSVersionTable.PSVersion.Major -lt 6 -and $Address -like 'https:*' -and $env:HTTPS_PROXY) {
      $options.Proxy = $env:HTTPS_PROXY
    }
    for ($attempt = 1; ; $attempt++) {
      try {
        Invoke-WebRequest @options
        return $true
      } catch {
        $response = $_.Exception.Response
        if ($response -and [int]$response.StatusCode -eq 404) { return $false }
        if ($attempt -ge 3) { throw "$Address cannot be downloaded: $($_.Exception.Message)" }
        Start-Sleep -Seconds $attempt
      }
    }
  }

  # What SHA256SUMS says of each file.
  function Read-Checksums($File) {
    $sums = @{}
    foreach ($line in Get-Content -LiteralPath $File) {
      if ($line -match '^([0-9a-f]{64}) [ *](.+)$') { $sums[$Matches[2]] = $Matches[1] }
    }
    return $sums
  }

  # Windows' own PowerShell does not find Get-FileHash where a newer PowerShell has started it.
  function Get-Sha256($File) {
    $stream = [IO.File]::OpenRead($File)
    try {
      $digest = [Security.Cryptography.SHA256]::Create().ComputeHash($stream)
    } finally {
      $stream.Dispose()
    }
    return [BitConverter]::ToString($digest).Replace('-', '').ToLowerInvariant()
  }

  # The targets that run here, the best one first. The registry has the CPU of the machine, whatever PowerShell was made for.
  function Get-Targets {
    $place = 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
    switch ((Get-ItemProperty -LiteralPath $place).PROCESSOR_ARCHITECTURE) {
      'ARM64' { return @('win-arm64', 'win-x64', 'win-x86') }
      'AMD64' { return @('win-x64', 'win-x86') }
      default { return @('win-x86') }
    }
  }

  # Asks an executable to do something with itself; what is there to pipe makes PowerShell wait for programs without a console, too.
  function Invoke-Maintenance($File, $Subcommand, $Arguments) {
    $before = $env:SARMA_MAINTENANCE
    $env:SARMA_MAINTENANCE = $Subcommand
    try {
      & $File @Arguments | Out-Null
      return $LASTEXITCODE -eq 0
    } finally {
      $env:SARMA_MAINTENANCE = $before
    }
  }

  # Neither somebody else's program of the same name nor a package manager's link is touched.
  function Confirm-Own($File) {
    if (-not (Test-Path -LiteralPath $File)) { return }
    if ((Get-Item -LiteralPath $File -Force).LinkType -eq 'SymbolicLink') {
      throw "$File is a link: remove it, or say another folder with -Dir DIR."
    }
    $bytes = New-Object byte[] 4000000
    $stream = [IO.File]::Open($File, 'Open', 'Read', 'ReadWrite, Delete')
    try { $count = $stream.Read($bytes, 0, $bytes.Length) } finally { $stream.Dispose() }
    if (-not [Text.Encoding]::ASCII.GetString($bytes, 0, $count).Contains('SARMA-STAMP')) {
      throw "$File is another program than ${name}: move it away, or say another folder with -Dir DIR."
    }
  }

  # Whether it was checked; throws where it does not hold.
  function Confirm-Signature($Work, $Url, $Version) {
    if (-not $keys) { return $false }
    if (-not (Receive-File "${Url}SHA256SUMS.minisig" "$Work\SHA256SUMS.minisig")) {
      throw "$name $Version is not signed: ${Url}SHA256SUMS.minisig is not there (404). Nothing was changed."
    }
    $comment = @(Get-Content -LiteralPath "$Work\SHA256SUMS.minisig")[2] -replace '^trusted comment: ', ''
    if ($comment -cne "$name $Version") {
      throw "${Url}SHA256SUMS was signed for ""$comment"", not for ""$name $Version"". Nothing was changed."
    }
    # Neither Windows nor .NET knows Ed25519 and BLAKE2b.
    if (-not (Get-Command minisign -CommandType Application -ErrorAction SilentlyContinue)) {
      Write-Host 'The signature was not checked: that takes minisign, which is not here (winget install jedisct1.minisign).'
      return $false
    }
    foreach ($key in $keys.Split(' ')) {
      & minisign -V -q -m "$Work\SHA256SUMS" -P $key | Out-Null
      if ($LASTEXITCODE -eq 0) { return $true }
    }
    throw "${Url}SHA256SUMS was not signed by the key of $name, or was changed since. Nothing was changed."
  }

  function Install-Programs($Work) {
    if (-not $Version) {
      if (-not (Receive-File $latest "$Work\latest.json")) {
        throw "No version of $name is published: $latest is not there (404)."
      }
      $Version = (Get-Content -LiteralPath "$Work\latest.json" -Raw -Encoding UTF8 | ConvertFrom-Json).version
    }
    $url = $versions.Replace('{version}', [Uri]::EscapeDataString($Version))
    if (-not (Receive-File "${url}SHA256SUMS" "$Work\SHA256SUMS")) {
      throw "There is no $name ${Version}: ${url}SHA256SUMS is not there (404)."
    }
    $isSigned = Confirm-Signature $Work $url $Version
    if ($RequireSignature -and -not $isSigned) {
      throw "The signature of $name $Version cannot be checked here: install minisign. Nothing was changed."
    }
    # Plain http, but for a server on this machine.
    $isStranger = $url -notlike 'https:*' -and -not ([Uri]$url).IsLoopback
    if ($isStranger -and -not $isSigned -and -not $Insecure) {
      $help = if ($keys) { 'install minisign, or take it as it is with -Insecure' } else { '-Insecure takes it as it is' }
      throw "Nobody can tell who has answered (this is plain http), and there is no signature that was checked. Nothing was changed; $help."
    }
    $sums = Read-Checksums "$Work\SHA256SUMS"
    $main = $programs.Split(' ')[0]
    $targets = @(Get-Targets)
    $target = $targets | Where-Object { $sums.ContainsKey("${main}_$_.exe") } | Select-Object -First 1
    if (-not $target) {
      $there = ($sums.Keys | Where-Object { $_ -match '_win-\w+\.exe$' } | Sort-Object) -join ', '
      throw "There is no $name $Version for this machine ($($targets[0])); there is: $there"
    }
    $fresh = @()
    foreach ($program in $programs.Split(' ')) {
      $file = "$Dir\$program.exe"
      $asset = "${program}_$target.exe"
      if (-not $sums.ContainsKey($asset)) { throw "$name $Version has no $program for $target. Nothing was changed." }
      if ((Test-Path -LiteralPath $file) -and (Get-Sha256 $file) -eq $sums[$asset]) { continue }
      Confirm-Own $file
      # Beside its place, so that a rename puts it there.
      New-Item -ItemType Directory -Force -Path $Dir | Out-Null
      $temporary = "$Dir\.$program.exe.$([guid]::NewGuid().ToString('N').Substring(0, 16)).update"
      $fresh += @{ File = $file; Temporary = $temporary; Program = $program }
      $made.Add($temporary)
      Write-Host "Downloading $url$asset"
      if (-not (Receive-File "$url$asset" $temporary)) { throw "$url$asset is not there (404). Nothing was changed." }
      $actual = Get-Sha256 $temporary
      if ($actual -ne $sums[$asset]) {
        throw "$url$asset is damaged: its SHA-256 is $actual, and should be $($sums[$asset]). Nothing was changed; try again."
      }
      # Windows starts what ends in .exe.
      $started = "$Work\$asset"
      Copy-Item -LiteralPath $temporary -Destination $started
      if (-not (Invoke-Maintenance $started 'install' @())) { throw "$name $Version does not start here. Nothing was changed." }
    }
    foreach ($one in $fresh) { Move-IntoPlace $one }
    if ($fresh.Count -eq 0) {
      Write-Host "$name $Version is in $Dir already; nothing was changed."
    } else {
      $checked = if ($isSigned) { 'signature checked by minisign' } elseif ($keys) { 'SHA-256 checked, signature not' } else { 'SHA-256 checked' }
      Write-Host "$name $Version is in $Dir now ($checked)."
    }
    Show-Path
  }

  # A program that runs can be renamed and not be replaced. The old one stays where its own updates keep it.
  function Move-IntoPlace($One) {
    $file = $One.File
    $previous = "$Dir\.$($One.Program).exe.previous"
    $isThere = Test-Path -LiteralPath $file
    if ($isThere) {
      if (Test-Path -LiteralPath $previous) {
        try { Remove-Item -LiteralPath $previous -Force } catch { Move-Item -LiteralPath $previous -Destination "$($One.Temporary)d" }
      }
      Move-Item -LiteralPath $file -Destination $previous
    }
    try {
      Move-Item -LiteralPath $One.Temporary -Destination $file
    } catch {
      if ($isThere) { Move-Item -LiteralPath $previous -Destination $file }
      throw
    }
    if ($isThere -and $updates -eq 'no') { Remove-Item -LiteralPath $previous -Force -ErrorAction SilentlyContinue }
    if ($isThere -and $service -eq 'yes') {
      Write-Host "Where a node of $($One.Program) runs, ``$($One.Program) restart`` takes the new version."
    }
  }

  # Adds the folder, or takes it out. The value is as it is in the registry: what is in % stays so.
  function Edit-UserPath([switch]$Add) {
    $key = [Microsoft.Win32.Registry]::CurrentUser.OpenSubKey('Environment', $true)
    try {
      $before = [string]$key.GetValue('Path', '', 'DoNotExpandEnvironmentNames')
      $isThere = @($before.Split(';') | ForEach-Object { $_.TrimEnd('\') }) -contains $Dir
      if ($isThere -eq [bool]$Add) { return }
      $folders = @($before.Split(';') | Where-Object { $_ -and $_.TrimEnd('\') -ne $Dir })
      if ($Add) { $folders += $Dir }
      $after = $folders -join ';'
      $key.SetValue('Path', $after, 'ExpandString')
    } finally {
      $key.Dispose()
    }
    # Tells the running programs, which a change of the registry alone does not.
    [Environment]::SetEnvironmentVariable('@variable@_PATH_CHANGED', $null, 'User')
  }

  function Show-Path {
    if (@($env:Path.Split(';') | ForEach-Object { $_.TrimEnd('\') }) -contains $Dir) { return }
    if (-not $ModifyPath) {
      $script = $latest.Substring(0, $latest.LastIndexOf('/')) + '/install.ps1'
      Write-Host "$Dir is not in PATH. This adds it to that of the user:"
      Write-Host "  & ([scriptblock]::Create((irm '$script'))) -ModifyPath -Dir '$($Dir.Replace("'", "''"))'"
      return
    }
    Edit-UserPath -Add
    $env:Path = "$env:Path;$Dir"
    Write-Host "$Dir is in the user's PATH now; programs that run already have the old one."
  }

  function Uninstall-Programs {
    $found = $false
    foreach ($program in $programs.Split(' ')) {
      $file = "$Dir\$program.exe"
      if (Test-Path -LiteralPath $file) {
        $found = $true
        Confirm-Own $file
        if (-not (Invoke-Maintenance $file 'uninstall' @('--yes'))) {
          throw "$file was not removed. If it does not start any more, remove it by: Remove-Item '$file'"
        }
        Remove-Item -LiteralPath $file -Force
        Write-Host "removed $file"
      }
      if (Test-Path -LiteralPath $Dir) {
        Get-ChildItem -LiteralPath $Dir -Force |
          Where-Object { $_.Name -eq ".$program.exe.previous" -or $_.Name -like ".$program.exe.*.update*" } |
          Remove-Item -Force -ErrorAction SilentlyContinue
      }
    }
    Edit-UserPath
    if ((Test-Path -LiteralPath $Dir) -and -not (Get-ChildItem -LiteralPath $Dir -Force)) { Remove-Item -LiteralPath $Dir }
    if (-not $found) { Write-Host "$name is not in $Dir; there was nothing to remove." }
  }

  if ($Help) {
    Write-Host $usage
    return
  }
  if ($PSVersionTable.PSVersion.Major -ge 6 -and -not $IsWindows) {
    throw 'This is not Windows: take install.sh, which lies beside this script.'
  }
  # Windows PowerShell on older systems does not offer it by itself.
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
  if (-not $Dir) { $Dir = "$env:LOCALAPPDATA\Programs\$name" }
  $Dir = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Dir).TrimEnd('\')
  $Version = "$Version" -replace '^v', ''
  if ($Version -match '[^0-9A-Za-z.+-]') { throw "$Version is no version." }
  if ($Uninstall) {
    Uninstall-Programs
    return
  }
  $made = New-Object Collections.Generic.List[string]
  $work = Join-Path ([IO.Path]::GetTempPath()) "$name-install-$([guid]::NewGuid().ToString('N'))"
  New-Item -ItemType Directory -Path $work | Out-Null
  try {
    Install-Programs $work
  } finally {
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
    foreach ($file in $made) {
      if (Test-Path -LiteralPath $file) { Remove-Item -LiteralPath $file -Force -ErrorAction SilentlyContinue }
    }
  }
}
